<%@ page session="false" trimDirectiveWhitespaces="true" contentType="text/plain; charset=UTF-8"
    import="java.util.Collections" %><%
/* Says what arrived: one "name=value" a line, request headers as "header.name=value", in the order of arrival. */
out.print("member=" + System.getProperty("panopticon.route") + "\n");
out.print("method=" + request.getMethod() + "\n");
out.print("uri=" + request.getRequestURI() + "\n");
out.print("query=" + request.getQueryString() + "\n");
out.print("scheme=" + request.getScheme() + "\n");
out.print("server=" + request.getServerName() + ":" + request.getServerPort() + "\n");
out.print("remote=" + request.getRemoteAddr() + "\n");
for (String name : Collections.list(request.getHeaderNames())) {
    for (String value : Collections.list(request.getHeaders(name))) {
        out.print("header." + name.toLowerCase() + "=" + value + "\n");
    }
}
%>
