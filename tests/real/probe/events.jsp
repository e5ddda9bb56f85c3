<%@ page session="false" trimDirectiveWhitespaces="true" contentType="text/event-stream; charset=UTF-8" %><%
/*
 * Server-sent events, count=N of them. Without a key they come half a second apart. With key=K the next event is sent
 * only after somebody has called seen.jsp?key=K&event=NUMBER for the one before it: an event that is held back on the
 * way therefore holds back all others, and the last event says "late" instead of "on time" after 20 seconds.
 */
int count = Integer.parseInt(request.getParameter("count"));
String key = request.getParameter("key");
response.setHeader("Cache-Control", "no-store");
for (int event = 1; event <= count; event++) {
    out.print("id: " + event + "\ndata: on time\n\n");
    out.flush();
    response.flushBuffer();
    if (key == null) {
        Thread.sleep(500);
        continue;
    }
    long deadline = System.nanoTime() + 20_000_000_000L;
    while (!Integer.valueOf(event).equals(application.getAttribute("seen." + key))) {
        if (System.nanoTime() > deadline) {
            out.print("id: " + event + "\ndata: late\n\n");
            return;
        }
        Thread.sleep(10);
    }
}
%>
