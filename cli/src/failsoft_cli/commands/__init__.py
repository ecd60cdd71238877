"""The subcommands: each module has one, named `command`."""
