"""Every command with its options, by when it is needed; importing a module registers its commands."""
