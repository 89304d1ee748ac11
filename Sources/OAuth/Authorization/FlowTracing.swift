package import Primitives

/// Gives each connection of a client one id, from discovery to its first call, so that an operator sees where one ended.
package protocol FlowTracing: Sendable {
    /// The id of the connection a client is making from an address.
    func flow(of client: ClientID, from address: IPAddress) -> String
}
