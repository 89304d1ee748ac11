internal import Crypto
package import HTTP
internal import Primitives

/// `POST /device_authorization` (RFC 8628 §3.1; DEV-1), for clients that registered for the device grant.
package struct DeviceAuthorizationEndpoint: Responder {
    package static let grantType = "urn:ietf:params:oauth:grant-type:device_code"
    static let interval = Duration.seconds(5)

    private let server: AuthorizationServer
    private let parser: AuthorizationParser

    package init(_ server: AuthorizationServer) {
        self.server = server
        parser = AuthorizationParser(
            settings: server.settings, clients: server.resolver, pushed: server.pushedRequests, hasher: server.hasher)
    }

    package func bodyLimit(for request: Request) -> Int { 64 * 1024 }

    package func respond(to request: Request, in context: RequestContext) async -> Response {
        guard request.method == .post else { return OAuthError.methodNotAllowed }
        let now = server.clock()
        do throws(OAuthError) {
            let form = try request.grantForm()
            let client: Client
            do throws(ClientAuthentication.Failure) {
                client = try await server.authentication.authenticate(request, form, in: context, at: now)
            } catch { return error.response }
            guard client.grantTypes.contains(Self.grantType) else {
                throw OAuthError(.unauthorizedClient, "This client may not use the device grant.", rule: "DEV-1")
            }
            let resource = try parser.resource(form)
            let authorization = DeviceAuthorization(
                clientID: client.id, scopes: try parser.scopes(form.all("scope").first, resource, client), resource: resource.url,
                address: context.peer.description, expiresAt: now + OAuthSettings.deviceLifetime)
            return try await begin(authorization)
        } catch { return error.response() }
    }

    private func begin(_ authorization: DeviceAuthorization) async throws(OAuthError) -> Response {
        let deviceCode = TokenFormat.mint(.device)
        for _ in 0..<4 {  // a taken user code is made again
            let userCode = UserCode.fresh()
            do throws(StoreError) {
                try await server.devices.insert(
                    authorization, deviceCode: server.hasher.digest(of: deviceCode),
                    userCode: server.hasher.digest(of: "user code " + userCode), interval: Self.interval)
                return answer(deviceCode, userCode)
            } catch { guard error.code == .conflict else { throw error.refusal } }
        }
        throw .unavailable
    }

    private func answer(_ deviceCode: Secret, _ userCode: String) -> Response {
        let page = server.settings.issuer + "/device"
        return Response.json([
            "device_code": .string(deviceCode.exposeText()), "user_code": .string(userCode), "verification_uri": .string(page),
            "verification_uri_complete": .string(page + "?user_code=" + userCode),
            "expires_in": .int(OAuthSettings.deviceLifetime.components.seconds),
            "interval": .int(Self.interval.components.seconds),
        ]).uncached
    }
}
