"""connector keeps Salesforce in step with Genesys Cloud analytics."""
