"""Whole runs over several simulated days: what they count of late changes, and what follows."""

from datetime import timedelta

import pytest
from lab import DAY, Killed, Lab, at, conversation
