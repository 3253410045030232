"""Every config, built and stepped on the miniature of its data set."""
