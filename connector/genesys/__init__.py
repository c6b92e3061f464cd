"""Everything that knows Genesys Cloud: login, queries, pages, and what their witnesses mean."""
