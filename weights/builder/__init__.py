"""Build the shipped models: recipe files, their data, their phases, what is measured of them."""
