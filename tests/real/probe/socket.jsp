<%@ page session="false" trimDirectiveWhitespaces="true"
    import="jakarta.websocket.CloseReason,jakarta.websocket.CloseReason.CloseCodes,jakarta.websocket.Endpoint,
            jakarta.websocket.EndpointConfig,jakarta.websocket.MessageHandler,jakarta.websocket.Session,
            jakarta.websocket.server.ServerContainer,jakarta.websocket.server.ServerEndpointConfig,
            java.util.Arrays,java.util.Collections" %><%!
/*
 * A WebSocket that does what it is told, for what the examples do not show. Text messages to it:
 *   "close CODE REASON"  closes from this side;
 *   "request NAME"       answers with the handshake's header NAME;
 *   "member"             answers with this member's route.
 * A plain GET (no upgrade) says how the last WebSocket with the parameter key=K ended: "CODE REASON", or nothing yet.
 * It offers the subprotocols "panopticon.v2" and "panopticon.v1".
 */
public static class Told extends Endpoint {
    private final java.util.Map<String, java.util.List<String>> headers;
    private final String key;
    private final jakarta.servlet.ServletContext application;

    public Told(java.util.Map<String, java.util.List<String>> headers, String key,
            jakarta.servlet.ServletContext application) {
        this.headers = headers;
        this.key = key;
        this.application = application;
    }

    @Override
    public void onOpen(Session session, EndpointConfig config) {
        session.addMessageHandler(String.class, (MessageHandler.Whole<String>) text -> told(session, text));
    }

    @Override
    public void onClose(Session session, CloseReason reason) {
        application.setAttribute("closed." + key,
                reason.getCloseCode().getCode() + " " + reason.getReasonPhrase());
    }

    private void told(Session session, String text) {
        String[] words = text.split(" ", 3);
        try {
            if (words[0].equals("close")) {
                session.close(new CloseReason(CloseCodes.getCloseCode(Integer.parseInt(words[1])), words[2]));
            } else if (words[0].equals("request")) {
                session.getBasicRemote().sendText(String.valueOf(headers.get(words[1].toLowerCase())));
            } else if (words[0].equals("member")) {
                session.getBasicRemote().sendText(System.getProperty("panopticon.route"));
            }
        } catch (java.io.IOException gone) {
            /* The client has left. */
        }
    }
}
%><%
String key = String.valueOf(request.getParameter("key"));
if (request.getHeader("Upgrade") == null) {
    response.setContentType("text/plain; charset=UTF-8");
    Object closed = application.getAttribute("closed." + key);
    out.print("closed=" + (closed == null ? "" : closed) + "\n");
    return;
}
java.util.Map<String, java.util.List<String>> headers = new java.util.HashMap<>();
for (String name : Collections.list(request.getHeaderNames())) {
    headers.put(name.toLowerCase(), Collections.list(request.getHeaders(name)));
}
Told told = new Told(headers, key, application);
ServerEndpointConfig endpoint = ServerEndpointConfig.Builder.create(Told.class, "/probe/socket.jsp")
        .subprotocols(Arrays.asList("panopticon.v2", "panopticon.v1"))
        .configurator(new ServerEndpointConfig.Configurator() {
            @Override
            public <T> T getEndpointInstance(Class<T> type) {
                return type.cast(told);
            }
        })
        .build();
ServerContainer container = (ServerContainer) application.getAttribute(ServerContainer.class.getName());
container.upgradeHttpToWebSocket(request, response, endpoint, Collections.emptyMap());
%>
