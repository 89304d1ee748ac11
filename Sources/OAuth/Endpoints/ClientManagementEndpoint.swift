internal import Crypto
package import HTTP
internal import Primitives

/// `/register/{client_id}` (RFC 7592): a dynamic client reads, replaces or deletes its own registration.
package struct ClientManagementEndpoint: Responder {
    package static let pathPrefix = "/register/"

    private let server: AuthorizationServer

    package init(_ server: AuthorizationServer) { self.server = server }

    package func bodyLimit(for request: Request) -> Int { ClientRegistration.maximumBytes }

    package func respond(to request: Request, in context: RequestContext) async -> Response {
        let now = server.clock()
        guard server.settings.registration != .off else {
            return .json(["error": "not_found", "error_description": "Registration is switched off."], status: .notFound)
        }
        guard [.get, .put, .delete].contains(request.method) else {
            return Response.json(
                ["error": "invalid_request", "error_description": "Use GET, PUT or DELETE."], status: .methodNotAllowed
            ).with(.allow, "GET, PUT, DELETE, OPTIONS")
        }
        do throws(OAuthError) {
            let client = try await authenticate(request, at: now)
            switch request.method {
            case .put: return try await replace(client, request)
            case .delete: return try await delete(client)
            default: return Response.json(answer(client)).uncached
            }
        } catch {
            let response = error.response()
            return error.code == .invalidToken ? response.with(.wwwAuthenticate, "Bearer error=\"invalid_token\"") : response
        }
    }

    /// One answer for unknown, deleted and another client's token: existence is not revealed (RFC 7592 §2.1).
    private func authenticate(_ request: Request, at now: Timestamp) async throws(OAuthError) -> Client {
        let refusal = OAuthError(.invalidToken, "The registration access token is not valid here.", rule: "RFC 7592")
        guard let value = request.fields.single(.authorization), value.lowercased().hasPrefix("bearer ") else { throw refusal }
        let token = Array(value.utf8.dropFirst(7))
        guard TokenFormat.kind(of: token) == .registration else { throw refusal }
        let id = ClientID(String(request.path.dropFirst(Self.pathPrefix.count)))
        guard let client = try await server.resolver.client(id, at: now), let known = client.registrationDigest,
            ConstantTime.equal(server.hasher.digest(of: token).bytes, known.bytes)
        else { throw refusal }
        return client
    }

    private func answer(_ client: Client, secret: Secret? = nil, token: Secret? = nil) -> JSONValue {
        RegistrationEndpoint.answer(client, secret: secret, token: token, issuer: server.settings.issuer)
    }

    /// The full set replaces the former one; what is left out is gone (RFC 7592 §2.2).
    private func replace(_ client: Client, _ request: Request) async throws(OAuthError) -> Response {
        guard MediaType(request.fields[.contentType])?.essence == "application/json",
            let metadata = (try? JSONValue(parsing: request.body))?.object
        else { throw OAuthError(.invalidClientMetadata, "Send one JSON object as application/json.", rule: "REG-3") }
        let ours = ["registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at"]
        guard !metadata.keys.contains(where: ours.contains) else {
            throw OAuthError(.invalidRequest, "Leave out what only the server sets.", rule: "RFC 7592")
        }
        guard metadata["client_id"]?.string == client.id.text else {
            throw OAuthError(.invalidRequest, "client_id must be this client's.", rule: "RFC 7592")
        }
        if let secret = metadata["client_secret"] {
            guard let secret = secret.string, let known = client.secretDigest,
                ConstantTime.equal(server.hasher.digest(of: secret).bytes, known.bytes)
            else { throw OAuthError(.invalidRequest, "client_secret must be this client's.", rule: "RFC 7592") }
        }
        let registration = try ClientRegistration(metadata, redirectSchemes: server.settings.redirectSchemes)
        var changed = client
        changed.name = registration.name
        changed.redirectURIs = registration.redirectURIs
        changed.grantTypes = registration.grantTypes
        changed.authenticationMethod = registration.authenticationMethod
        changed.keys = registration.keys
        var secret: Secret?
        if !registration.usesSecret {
            changed.secretDigest = nil
        } else if changed.secretDigest == nil {
            let fresh = TokenFormat.mint(.clientSecret)
            changed.secretDigest = server.hasher.digest(of: fresh)
            secret = fresh
        }
        // What an administrator approved was the former name and addresses.
        if changed.metadataHash != client.metadataHash { changed.approvedAt = nil }
        do throws(StoreError) {
            guard try await server.clients.update(changed) else { throw StoreError(.unavailable, "removed meanwhile") }
        } catch { throw error.refusal }
        return Response.json(answer(changed, secret: secret)).uncached.recording(
            Event(
                "client.updated", client: client.id,
                details: [("redirects", .strings(changed.redirectURIs.map(RedirectURI.displayHost)))]))
    }

    /// Everything issued to the client ends with it.
    private func delete(_ client: Client) async throws(OAuthError) -> Response {
        do { _ = try await server.clients.remove(client.id) } catch { throw error.refusal }
        return Response(.noContent).uncached.recording(Event("client.deleted", client: client.id))
    }
}
