import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.logging.Logger;

/**
 * A shop that knows nothing of telemetry: calls itself, then prints what it did, a JSON line a trace. Each trace has
 * four spans: an order and a charge, each with the client's and the server's.
 */
public final class Shop {
    private static final Logger LOG = Logger.getLogger("shop");
    private final HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final List<String> seen = Collections.synchronizedList(new ArrayList<>());
    private String address;

    public static void main(String[] arguments) throws Exception {
        new Shop().open();
    }

    private void open() throws Exception {
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(Executors.newCachedThreadPool());
        server.createContext("/order/", this::order);
        server.createContext("/charge/", this::charge);
        server.start();
        address = "http://127.0.0.1:" + server.getAddress().getPort();
        List<String> kinds = new ArrayList<>(Collections.nCopies(8, "ordinary"));
        kinds.add("slow");
        kinds.add("failing");
        for (String kind : kinds) {
            get("/order/" + kind);
        }
        server.stop(1);
        seen.forEach(System.out::println);
        System.exit(0);
    }

    private void order(HttpExchange exchange) throws IOException {
        String kind = kind(exchange);
        // The agent of the calling side put it there: 00-TRACE-SPAN-01.
        String trace = exchange.getRequestHeaders().getFirst("traceparent").split("-")[1];
        seen.add(String.format("{\"kind\":\"%s\",\"trace_id\":\"%s\",\"spans\":4}", kind, trace));
        answer(exchange, get("/charge/" + kind));
    }

    private void charge(HttpExchange exchange) throws IOException {
        String kind = kind(exchange);
        if (kind.equals("slow")) {
            try {
                Thread.sleep(2500);
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
            }
        }
        if (kind.equals("failing")) {
            LOG.severe("the card was declined");
        }
        answer(exchange, kind.equals("failing") ? 500 : 204);
    }

    private int get(String path) throws IOException {
        try {
            return client.send(HttpRequest.newBuilder(URI.create(address + path)).build(), BodyHandlers.discarding())
                    .statusCode();
        } catch (InterruptedException interrupted) {
            throw new IOException(interrupted);
        }
    }

    private static String kind(HttpExchange exchange) {
        String path = exchange.getRequestURI().getPath();
        return path.substring(path.lastIndexOf('/') + 1);
    }

    private static void answer(HttpExchange exchange, int status) throws IOException {
        exchange.sendResponseHeaders(status, -1);
        exchange.close();
    }
}
