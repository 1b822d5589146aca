# The Python libraries of Standard Webhooks and of Svix, unmodified, on messages as a receiver got them.
# Takes a file of messages; prints one line per check and fails on the first that does not hold.
import json
import sys

import standardwebhooks
import svix.webhooks

for message in json.load(open(sys.argv[1])):
    for library, verify in (
        ("standardwebhooks", standardwebhooks.Webhook(message["secret"]).verify),
        ("svix", svix.webhooks.Webhook(message["secret"]).verify),
    ):
        name = f"{library}: {message['name']}"
        try:
            said = verify(message["body"], message["headers"])
            believed = True
        except (standardwebhooks.WebhookVerificationError, svix.webhooks.WebhookVerificationError):
            believed = False
        assert believed == message["believed"], name
        print("ok", name)
