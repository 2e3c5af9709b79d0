package imds

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"

	"github.com/inborn-id/inborn/internal/apierr"
)

// listed are the api-versions of IMDS, oldest first. A version is a name and matches exactly.
var listed = [...]string{
	"2017-03-01", "2017-04-02", "2017-08-01", "2017-10-01", "2017-12-01", "2018-02-01", "2018-04-02", "2018-10-01",
	"2019-02-01", "2019-03-11", "2019-04-30", "2019-06-01", "2019-06-04", "2019-08-01", "2019-08-15", "2019-11-01",
	"2020-06-01", "2020-07-15", "2020-09-01", "2020-10-01", "2020-12-01", "2021-01-01", "2021-02-01", "2021-03-01",
	"2021-05-01", "2021-08-01", "2021-10-01", "2021-11-01", "2021-11-15", "2021-12-13", "2023-07-01", "2023-11-15",
	"2024-03-15", "2024-07-17", "2025-04-07",
}

const (
	firstIdentityVersion  = "2018-02-01" // of IMDS; the one that client libraries send
	appServiceVersion     = "2019-08-01"
	appService2017Version = "2017-09-01"
)

func checkVersion(form Form, version string) error {
	want := firstIdentityVersion
	switch form {
	case AppService:
		want = appServiceVersion
	case AppService2017:
		want = appService2017Version
	}
	switch {
	case version == want:
		return nil
	case version == "":
		return apierr.New(apierr.APIVersionMissing, "The query variable 'api-version' is missing; use api-version=%s", want).At("api-version")
	case form == IMDS && version > firstIdentityVersion && slices.Contains(listed[:], version):
		return nil
	case form == AppService && version == appService2017Version, form == AppService2017 && version == appServiceVersion:
		return apierr.New(apierr.APIVersionInvalid, "The header %s goes with api-version=%s", form.Header(), want).At("api-version")
	default:
		return apierr.New(apierr.APIVersionInvalid, "The api-version is not supported here; use api-version=%s", want).At("api-version")
	}
}

// info answers /metadata/identity/info: which tenant the identities of this host belong to.
func (h *Handler) info(w http.ResponseWriter, r *http.Request) error {
	if err := metadata(r); err != nil {
		return err
	}
	query, _ := url.ParseQuery(r.URL.RawQuery) // what cannot be read is not the api-version
	if len(query["api-version"]) > 1 {
		return apierr.New(apierr.ParameterDuplicate, "The query variable 'api-version' is given more than once").At("api-version")
	}
	if err := checkVersion(IMDS, query.Get("api-version")); err != nil {
		return err
	}
	tenant, _ := h.Tenant()
	if tenant.IsZero() {
		return &apierr.Error{Kind: apierr.Unavailable, Code: apierr.StateStale, Message: "The tenant of this host is not known yet. Try again in a moment."}
	}
	return answer(w, infoBody{tenant})
}

// versions answers /metadata/versions.
func (h *Handler) versions(w http.ResponseWriter, r *http.Request) error {
	if err := metadata(r); err != nil {
		return err
	}
	return answer(w, versionsBody{listed[:]})
}

// nowhere refuses a path that names nothing. IMDSv2 is probed for without the metadata header and means "not offered" by
// exactly 404; elsewhere below /metadata the header comes first.
func nowhere(r *http.Request, at element) error {
	if at == imdsUnknown {
		if err := metadata(r); err != nil {
			return err
		}
	}
	return apierr.New(apierr.PathUnknown, "Not found. There is no such element at this endpoint")
}

func answer(w http.ResponseWriter, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", contentType)
	w.Write(text)
	return nil
}
