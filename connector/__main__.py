"""`python -m connector` is the command `connector`."""

import sys

from connector.cli import main

sys.exit(main())
