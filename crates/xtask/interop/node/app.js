// A shop under zero-code instrumentation: calls itself, then prints what it did, a JSON line a trace.
// Each trace has four spans: the client's, the server's, and two of the shop's own.
const http = require('node:http');
const { setTimeout: wait } = require('node:timers/promises');
const { trace, SpanStatusCode } = require('@opentelemetry/api');
const pino = require('pino');

const tracer = trace.getTracer('shop');
// The console's output is what the shop did.
const log = pino(pino.destination(2));
const seen = [];

async function checkout(kind) {
  const server = trace.getActiveSpan();
  server.setAttribute('user.email', 'ada@example.com');
  tracer.startActiveSpan('reserve stock', (span) => span.end());
  await tracer.startActiveSpan('charge card', async (span) => {
    span.setAttribute('payment.card_number', '4111 1111 1111 1111');
    if (kind === 'slow') await wait(2500);
    if (kind === 'failing') {
      span.setStatus({ code: SpanStatusCode.ERROR, message: 'card declined' });
      log.error('card declined');
    }
    span.end();
  });
  seen.push({ kind, trace_id: server.spanContext().traceId, spans: 4 });
}

const server = http.createServer(async (request, response) => {
  await checkout(request.url.slice(1));
  response.end('done');
});

function get(url) {
  return new Promise((resolve, reject) => {
    http.get(url, (response) => response.resume().on('end', resolve)).on('error', reject);
  });
}

server.listen(0, '127.0.0.1', async () => {
  const address = `http://127.0.0.1:${server.address().port}`;
  for (const kind of [...Array(8).fill('ordinary'), 'slow', 'failing']) await get(`${address}/${kind}`);
  server.close();
  for (const line of seen) console.log(JSON.stringify(line));
  // The SDK flushes on SIGTERM; a program that just ends would lose its last batch.
  process.kill(process.pid, 'SIGTERM');
});
