import Client
import HTTP
import Primitives

/// Whether the services behind us can be reached, and what time it is there.
struct UpstreamChecks {
    let configuration: Configuration

    private static let patience = Duration.seconds(8)
    private static let skew = Duration.seconds(60)

    func run(_ list: inout CheckList) async {
        let client = HTTPClient()
        if configuration.engines.isQarnotEnabled {
            await check("qarnot", configuration.engines.qarnotAPI + "/info", client, &list)
        }
        for upstream in configuration.upstreams.entries { await check(upstream.name, upstream.url, client, &list) }
        client.stop()
    }

    /// Any answer shows that name, network and certificate are right; only what a server says of itself (5xx) is held against it.
    private func check(_ name: String, _ url: String, _ client: HTTPClient, _ list: inout CheckList) async {
        var request = OutboundRequest(.get, url)
        request.timeout = Self.patience
        request.fields = [("Accept", "application/json")]
        do throws(ClientError) {
            let answer = try await client.send(request)
            guard answer.status < 500 else {
                return list.add(
                    "upstream \(name)", .failed, "\(url) answers \(answer.status).", remedy: "See the logs of that service.")
            }
            if let there = answer.fields[.date].flatMap({ Timestamp(httpDate: $0) }) {
                let difference = Timestamp.now() - there
                if difference > Self.skew || .zero - difference > Self.skew {
                    return list.add(
                        "upstream \(name)", .failed, "its clock and ours differ by \(difference.components.seconds) s.",
                        remedy: "Set the clock right: tokens and codes live by it.")
                }
            }
            list.add("upstream \(name)", .ok, "\(url) answers \(answer.status)")
        } catch {
            list.add(
                "upstream \(name)", .failed, "\(url) cannot be reached (\(error)).",
                remedy: error.code == .resolve
                    ? "See the name in the configuration and the DNS of this machine."
                    : error.code == .tls ? "See the certificate of that service." : "See that it runs and no firewall is between.")
        }
    }
}
