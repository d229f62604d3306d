"""Everything that can go wrong and that its reader can do something about.

    RagError
    ├── SettingsError      a setting or an argument has a value nothing can be done with
    ├── QuestionError      a question that cannot be asked: empty, or far too long
    ├── ReadingError       a reading is missing, damaged, locked or not what the list says
    │   └── FetchError     a reading could not be fetched from the network
    ├── IndexFailure       the index is missing, stale, damaged, in use or cannot be written
    │   ├── IndexMissing   there is no index yet
    │   └── IndexStale     the index was made by other settings, weights or another version
    ├── LogFailure         the log of questions cannot be opened, written or read
    ├── LLMError           a language model cannot be reached, refuses, breaks off or says nothing
    └── PluginError        a plug-in is unknown, or needs a package that is not installed

Each message says what happened, to which file or setting, and what to do next. Commands and the
web page catch RagError only; anything else is a bug and keeps its traceback.
"""


class RagError(Exception):
    """Something failed in a way that the message explains."""


class SettingsError(RagError):
    """A setting or an argument has a value that nothing can be done with."""


class QuestionError(RagError):
    """The question cannot be asked as it stands."""


class ReadingError(RagError):
    """A reading is missing, damaged, locked, or not what the reading list says."""


class FetchError(ReadingError):
    """A reading could not be fetched from the network."""


class IndexFailure(RagError):
    """The index is damaged, in use by another builder, or cannot be written."""


class IndexMissing(IndexFailure):
    """There is no index at this place yet."""


class IndexStale(IndexFailure):
    """The index was made by other settings, other weights or another version."""


class LogFailure(RagError):
    """The log of questions cannot be opened, written or read."""


class LLMError(RagError):
    """A language model cannot be reached, refuses, breaks off or says nothing."""


class PluginError(RagError):
    """A plug-in is unknown, or needs a package that is not installed."""


def system_reason(error: Exception) -> str:
    """What the system says went wrong, without file names and numbers."""
    said = error.strerror if isinstance(error, OSError) else None
    return said or str(error) or type(error).__name__
