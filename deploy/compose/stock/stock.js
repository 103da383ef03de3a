// What is in stock. Knows nothing of telemetry.
const express = require("express");

const app = express();
app.get("/items/:item", (request, response) => response.json({ item: request.params.item, left: 7 }));
app.listen(process.env.PORT ?? 8081);
