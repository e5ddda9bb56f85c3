"""TLS of listeners, with the programs that people use: curl, openssl, Chromium and testssl.sh."""
