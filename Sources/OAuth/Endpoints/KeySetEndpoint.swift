package import HTTP
internal import Primitives

/// `GET /jwks.json`: the public keys our JWTs are signed with (RFC 7517; JWKS-1).
package struct KeySetEndpoint: Responder {
    private let keyring: Keyring

    package init(keyring: Keyring) { self.keyring = keyring }

    package func bodyLimit(for request: Request) -> Int { 0 }

    package func respond(to request: Request, in context: RequestContext) async -> Response {
        guard request.method == .get || request.method == .head else {
            return Response.json(["error": "invalid_request", "error_description": "Use GET."], status: .methodNotAllowed)
                .with(.allow, "GET, HEAD, OPTIONS")
        }
        var response = Response.json(keyring.document)
        response.fields.set(.cacheControl, "public, max-age=\(Keyring.publishedMaxAge)")
        return response
    }
}
