"""What is wrong with the settings, for the operator who has to put it right."""

from failsoft_kit.startup import StartupError


class SettingsError(StartupError):
    """The settings cannot be used; `problems` lists every mistake, one sentence each.

    A problem names the place in the YAML file and the variable, what is wrong and what is allowed.
    It never shows the value of a secret.
    """
