"""A shop that knows nothing of telemetry: a tenth of its orders fails, a tenth is slow."""
import logging
import os
import random
import time

import requests
from flask import Flask, abort

STOCK = os.environ.get("STOCK", "http://stock:8081")

app = Flask(__name__)
log = logging.getLogger("shop")


@app.get("/")
def order():
    item = random.randrange(100)
    requests.get(f"{STOCK}/items/{item}", timeout=5)
    if item < 10:
        log.error("order of item %d failed", item)
        abort(500)
    if item < 20:
        time.sleep(0.7)
    return {"item": item}


app.run(host="0.0.0.0", port=int(os.environ.get("PORT", "8080")))
