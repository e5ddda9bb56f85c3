<%@ page session="false" trimDirectiveWhitespaces="true" contentType="text/plain; charset=UTF-8"
    import="java.io.InputStream,java.security.MessageDigest" %><%
/*
 * Reads the request body to its end and says how long it was and its SHA-256.
 * With refuse=true it answers 403 without reading anything, so that Tomcat sends no "100 Continue".
 */
if ("true".equals(request.getParameter("refuse"))) {
    response.setStatus(403);
    out.print("refused\n");
    return;
}
MessageDigest sum = MessageDigest.getInstance("SHA-256");
byte[] block = new byte[65536];
long length = 0;
InputStream body = request.getInputStream();
for (int part = body.read(block); part >= 0; part = body.read(block)) {
    sum.update(block, 0, part);
    length += part;
}
StringBuilder hex = new StringBuilder();
for (byte one : sum.digest()) {
    hex.append(String.format("%02x", one));
}
out.print("member=" + System.getProperty("panopticon.route") + "\n");
out.print("length=" + length + "\n");
out.print("sha256=" + hex + "\n");
out.print("content-length=" + request.getHeader("Content-Length") + "\n");
out.print("transfer-encoding=" + request.getHeader("Transfer-Encoding") + "\n");
%>
