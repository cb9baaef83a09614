# Stands in for argcomplete's completers in kubectl-snapshot's zipapp: those that start a shell are left
# out, for subprocess takes longer to import than the rest of a completion.


class BaseCompleter:
    pass


class ChoicesCompleter(BaseCompleter):
    def __init__(self, choices):
        self.choices = choices

    def __call__(self, **kwargs):
        return map(str, self.choices)


class FilesCompleter(BaseCompleter):
    pass


class SuppressCompleter(BaseCompleter):
    def suppress(self):
        return True
