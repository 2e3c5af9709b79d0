package arm

// listTenants lists the one tenant that the token is of, to everyone who has a token: az asks it after a sign-in to know
// where else to look for subscriptions.
func (c *call) listTenants() error {
	t := c.dir.Tenant()
	return c.page(func(yield func(string, any) bool) { yield(t.ID.String(), tenantOut(t)) })
}
