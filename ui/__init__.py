"""The page: asking, and the evidence beside the answer. A thin layer over `qa.chat`; a file a panel or concern."""

import inspect
import os
from typing import Any

# gradio reads these as it is imported: it asks no outside host, and keeps no record of its own of what was asked.
os.environ.update(GRADIO_ANALYTICS_ENABLED="False", GRADIO_RUN_HISTORY="False")


def _import_gradio() -> None:
    """Imports gradio without the type stubs of its components, which it writes anew each time, for over a second.

    It writes none for a component that comes from no file.
    """
    file_of = inspect.getfile

    def file_of_others(item: Any) -> str:
        if inspect.isclass(item) and item.__module__.startswith("gradio."):
            raise OSError("no stubs")
        return file_of(item)

    inspect.getfile = file_of_others
    try:
        import gradio  # noqa: F401 - so that it is there before anything else asks for it
    finally:
        inspect.getfile = file_of


_import_gradio()
