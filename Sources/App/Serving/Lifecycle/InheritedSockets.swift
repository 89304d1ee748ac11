import Transport

/// Listening sockets this process did not bind: from a service manager or from the server before it. Found by their address.
struct InheritedSockets {
    private var activated: [[ListeningSocket]]
    private var handedOver: [[ListeningSocket]]

    init(activated: [ListeningSocket] = [], handedOver: [ListeningSocket] = []) {
        self.activated = Self.grouped(activated)
        self.handedOver = Self.grouped(handedOver)
    }

    /// Those of one address; empty when there are none.
    mutating func take(_ endpoint: Endpoint) -> [ListeningSocket] {
        // The same sockets may come both ways: the predecessor's are taken, with those it bound itself.
        let (first, second) = (Self.take(endpoint, from: &handedOver), Self.take(endpoint, from: &activated))
        return first.isEmpty ? second : first
    }

    /// What the service manager listens on for us and no setting names: served all the same, or its clients would wait.
    var unclaimed: [[ListeningSocket]] { activated }

    private static func take(_ endpoint: Endpoint, from groups: inout [[ListeningSocket]]) -> [ListeningSocket] {
        guard let index = groups.firstIndex(where: { $0[0].endpoint == endpoint }) else { return [] }
        return groups.remove(at: index)
    }

    private static func grouped(_ sockets: [ListeningSocket]) -> [[ListeningSocket]] {
        var groups: [[ListeningSocket]] = []
        for socket in sockets {
            if let index = groups.firstIndex(where: { $0[0].endpoint == socket.endpoint }) {
                groups[index].append(socket)
            } else {
                groups.append([socket])
            }
        }
        return groups
    }
}
