"""`python -m gantool`."""

from gantool.cli import main

main()
