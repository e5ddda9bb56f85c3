<%@ page session="false" trimDirectiveWhitespaces="true" contentType="text/plain; charset=UTF-8" %><%
/* Answers with status=N and a body of its own. */
response.setStatus(Integer.parseInt(request.getParameter("status")));
out.print("member=" + System.getProperty("panopticon.route") + "\n");
out.print("status=" + request.getParameter("status") + "\n");
%>
