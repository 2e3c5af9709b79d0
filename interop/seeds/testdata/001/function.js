// Document 001, listing 2: a timer function that lists users as a user-assigned identity.
const identity = require('@azure/identity');
const request = require('request');

module.exports = async function (context, myTimer) {
    var timeStamp = new Date().toISOString();    
    context.log('Timer function called', timeStamp);
    var promise = new Promise((resolve, reject) => {
        const managedIdentityAppID = "f8973019-6953-433b-b935-adc31f5646d5";
        const credential = new identity.ManagedIdentityCredential(managedIdentityAppID);
        context.log('getting access token');
        credential.getToken("https://graph.microsoft.com/.default") // restored:
                  .then(response => {
                      request.get('https://graph.microsoft.com/v1.0/users', { 
                          'auth': {'bearer': response.token}
                      }, // restored:
                      function (error, response, body) {
                        if (error) {
                            reject(error); // restored:
                        } // restored:
                        context.log(timeStamp + body);
                        resolve(); // restored:
                      }); // restored:
                  }, // restored:
                  err => {
                      reject(err); // restored:
                  }); // restored:
    }); // restored:
    await promise;
}; // restored:
