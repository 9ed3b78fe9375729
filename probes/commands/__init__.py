"""The commands of `probes`, one module per kind; each is a thin shell over one public function."""
