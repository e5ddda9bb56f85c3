<%@ page session="false" trimDirectiveWhitespaces="true" contentType="text/plain; charset=UTF-8"
    import="java.util.concurrent.atomic.AtomicInteger" %><%
/*
 * Answers after seconds=N. Without seconds it says at once how many slow requests are being served by this member,
 * so that a test can wait for a request to be in flight.
 */
AtomicInteger running;
synchronized (application) {
    running = (AtomicInteger) application.getAttribute("slow");
    if (running == null) {
        running = new AtomicInteger();
        application.setAttribute("slow", running);
    }
}
if (request.getParameter("seconds") == null) {
    out.print("running=" + running.get() + "\n");
    return;
}
running.incrementAndGet();
try {
    Thread.sleep((long) (1000 * Double.parseDouble(request.getParameter("seconds"))));
} finally {
    running.decrementAndGet();
}
out.print("member=" + System.getProperty("panopticon.route") + "\n");
out.print("done=true\n");
%>
