<%@ page session="true" trimDirectiveWhitespaces="true" contentType="text/plain; charset=UTF-8" %><%
/* Counts the visits of this session; "link" is the page's own address as a client without cookies must write it. */
Integer visits;
synchronized (session) {
    visits = (Integer) session.getAttribute("visits");
    visits = visits == null ? 1 : visits + 1;
    session.setAttribute("visits", visits);
}
response.setHeader("Cache-Control", "no-store");
out.print("member=" + System.getProperty("panopticon.route") + "\n");
out.print("session=" + session.getId() + "\n");
out.print("visits=" + visits + "\n");
out.print("link=" + response.encodeURL(request.getContextPath() + request.getServletPath()) + "\n");
%>
