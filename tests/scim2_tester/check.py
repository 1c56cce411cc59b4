"""Runs every check of scim2-tester against the endpoint in SCIM_ENDPOINT with the token in SCIM_TOKEN; one JSON object a line for each result."""

import json
import os

from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import check_server

client = Client(
    base_url=os.environ["SCIM_ENDPOINT"],
    headers={"Authorization": f"Bearer {os.environ['SCIM_TOKEN']}"},
)
for result in check_server(SyncSCIMClient(client)):
    line = {
        "status": result.status.name,
        "title": result.title,
        "resource_type": result.resource_type,
        "reason": result.reason,
        "data": None if result.data is None else str(result.data),
    }
    print(json.dumps(line))
