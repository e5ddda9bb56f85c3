<%@ page session="false" trimDirectiveWhitespaces="true" contentType="text/plain; charset=UTF-8" %><%
/* The reader of events.jsp?key=K has the event in hand: the next one may be sent. */
application.setAttribute("seen." + request.getParameter("key"), Integer.valueOf(request.getParameter("event")));
out.print("ok\n");
%>
