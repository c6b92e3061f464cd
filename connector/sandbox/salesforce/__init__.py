"""The simulated Salesforce organisation: a WSGI application over one SQLite file."""

from connector.sandbox.salesforce.app import SalesforceSim, User
from connector.sandbox.salesforce.jobs import SeenJob

__all__ = ["SalesforceSim", "SeenJob", "User"]
