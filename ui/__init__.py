"""The page: asking, and the evidence beside the answer. A thin layer over `qa.chat`; a file a panel or concern."""

import os

# gradio reads these as it is imported: it asks no outside host, and keeps no record of its own of what was asked.
os.environ.update(GRADIO_ANALYTICS_ENABLED="False", GRADIO_RUN_HISTORY="False")
