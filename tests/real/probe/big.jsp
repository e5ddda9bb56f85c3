<%@ page session="false" trimDirectiveWhitespaces="true" import="java.io.OutputStream" %><%
/*
 * bytes=N bytes of numbered lines ("%015x\n"), so that lost, doubled or swapped pieces show in the sum;
 * with Content-Length when length=true, else chunked.
 */
int size = Integer.parseInt(request.getParameter("bytes"));
response.setContentType("application/octet-stream");
if ("true".equals(request.getParameter("length"))) {
    response.setContentLength(size);
}
out.clear();
out = pageContext.pushBody();
OutputStream stream = response.getOutputStream();
byte[] digits = "0123456789abcdef".getBytes("ISO-8859-1");
byte[] block = new byte[1024 * 16];
long line = 0;
for (int sent = 0; sent < size; ) {
    for (int at = 0; at < block.length; at += 16, line++) {
        long left = line;
        for (int place = 14; place >= 0; place--, left >>= 4) {
            block[at + place] = digits[(int) (left & 15)];
        }
        block[at + 15] = '\n';
    }
    int part = Math.min(block.length, size - sent);
    stream.write(block, 0, part);
    sent += part;
}
%>
