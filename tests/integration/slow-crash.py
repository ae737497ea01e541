#!/usr/bin/env python3
"""Two hundred times kill -9 (30-crash.py, longer)."""

import os
import runpy

os.environ.setdefault("KILLS", "200")
os.environ.setdefault("KILL_WITHIN", "1.0")
os.environ.setdefault("DAYS", "0")
runpy.run_path(os.path.join(os.path.dirname(os.path.abspath(__file__)), "30-crash.py"), run_name="__main__")
