<%@ page session="false" trimDirectiveWhitespaces="true" %><%
/*
 * 302 to /probe/echo.jsp of this application. kind=relative: a path; kind=absolute: built from the Host that arrived;
 * kind=member: with the member's own address, as an application does that knows no balancer; kind=foreign: elsewhere.
 */
String path = request.getContextPath() + "/probe/echo.jsp";
String kind = request.getParameter("kind");
String to = path;
if ("absolute".equals(kind)) {
    to = request.getScheme() + "://" + request.getHeader("Host") + path;
} else if ("member".equals(kind)) {
    to = "http://127.0.0.1:" + request.getLocalPort() + path;
} else if ("foreign".equals(kind)) {
    to = "https://login.example.com/authorize?back=" + path;
}
response.setStatus(302);
response.setHeader("Location", to);
%>
