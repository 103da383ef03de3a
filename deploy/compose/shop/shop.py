"""A shop that knows nothing of telemetry: a tenth of its orders fails, a tenth is slow."""
import logging
import random
import time

import requests
from flask import Flask, abort

app = Flask(__name__)
log = logging.getLogger("shop")


@app.get("/")
def order():
    item = random.randrange(100)
    requests.get(f"http://stock:8081/items/{item}", timeout=5)
    if item < 10:
        log.error("order of item %d failed", item)
        abort(500)
    if item < 20:
        time.sleep(0.7)
    return {"item": item}


app.run(host="0.0.0.0", port=8080)
