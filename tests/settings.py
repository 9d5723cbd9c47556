"""Settings of the tests: the portal's own, with a data directory and a key that belong to the run."""

import atexit
import os
import shutil
import tempfile

if "CASCADE_TEST_DIR" not in os.environ:
    os.environ["CASCADE_TEST_DIR"] = tempfile.mkdtemp(prefix="cascade-test-")
    atexit.register(shutil.rmtree, os.environ["CASCADE_TEST_DIR"], ignore_errors=True)
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # tests of the socket make what they need with the ORM
for name in list(os.environ):
    if name in ("DATABASE_URL", "REDIS_URL", "PORT", "HOST") or (name.startswith("CASCADE_") and "TEST" not in name):
        del os.environ[name]
os.environ["CASCADE_DATA_DIR"] = os.environ["CASCADE_TEST_DIR"]
os.environ["CASCADE_SECRET_KEY"] = "a key for tests alone, as long as a real one would be: 0123456789"

from notebookproject.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = [  # the first one is quick; the other is what a real portal can read
    "django.contrib.auth.hashers.MD5PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
