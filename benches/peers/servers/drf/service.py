"""A view of Django REST framework behind djangorestframework-api-key's permission, or none with OPEN=1; keys are in SQLite.

gunicorn runs it with one process and as many threads as it takes to keep connections open. The logs are off, as with the others.
"""

import os

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="a secret for measuring, and for nothing else",
    ALLOWED_HOSTS=["127.0.0.1"],
    DATABASES={
        "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["DATABASE"], "CONN_MAX_AGE": None}
    },
    INSTALLED_APPS=["rest_framework", "rest_framework_api_key"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=[],
    USE_TZ=True,
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "UNAUTHENTICATED_USER": None,
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    },
)
django.setup()

from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.urls import re_path  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.views import APIView  # noqa: E402
from rest_framework_api_key.models import APIKey  # noqa: E402
from rest_framework_api_key.permissions import HasAPIKey  # noqa: E402


class Resources(APIView):
    permission_classes = [] if os.environ.get("OPEN") == "1" else [HasAPIKey]

    def get(self, request):
        return Response({"ok": True})


urlpatterns = [re_path("^v1/resources$", Resources.as_view())]

if not os.path.exists(os.environ["KEYS_FILE"]):
    call_command("migrate", verbosity=0)
    keys = [APIKey.objects.create_key(name=f"key {number}")[1] for number in range(int(os.environ["KEYS"]))]
    with open(os.environ["KEYS_FILE"], "w", encoding="utf-8") as file:
        file.write("\n".join(keys) + "\n")

application = get_wsgi_application()
