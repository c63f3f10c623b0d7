"""The browser that scripts and tests look at the page with: a Chromium of this machine, seen by nobody."""

import os
import shutil

# In each new window Chromium prepares the suggestions of its address bar as pages of their own, a quarter of the work
# of opening ours: the first three. Of two such lists it reads the last, so the others are those of Playwright's own.
_FEATURES_OFF = [
    "WebUIOmniboxPopup", "WebUIOmniboxFullPopup", "WebUIOmniboxAimPopup", "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose", "HttpsUpgrades", "HttpsFirstBalancedModeAutoEnable", "LensOverlay", "MediaRouter",
    "PaintHolding", "ThirdPartyStoragePartitioning", "AvoidCorsURLLoaderRestartOnRedirect", "OptimizationHints",
    "NetworkTimeServiceQuerying", "AimEnabled", "PreconnectToSearch",
]  # fmt: skip
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
    f"--disable-features={','.join(_FEATURES_OFF)}",
]  # fmt: skip
MISSING = "the page is looked at with Chromium (apt-get install chromium, or set CHROMIUM)"
_NAMES = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "chrome",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
]


def find_chromium() -> str | None:
    """What CHROMIUM names, or else the first that is there; None where none is."""
    named = os.environ.get("CHROMIUM")
    return next(filter(None, map(shutil.which, [named] if named else _NAMES)), None)
