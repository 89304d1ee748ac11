internal import Primitives

/// What may run, and the constants it takes.
struct Profile: Sendable {
    let name: String
    let constants: [(name: String, value: String)]
    /// Index of the constant that says what to execute.
    let main: Int?

    var mainConstant: (name: String, value: String)? { main.map { constants[$0] } }

    static let all: [Profile] = [
        Profile(name: "docker-batch", constants: docker, main: 2),
        Profile(name: "docker-network", constants: docker, main: 2),
        Profile(
            name: "blender",
            constants: [
                ("BLEND_FILE", "main.blend"), ("BLEND_FORMAT", "PNG"), ("BLEND_ENGINE", "CYCLES"), ("BLEND_SLICING", "1"),
            ], main: 0),
    ]

    private static let docker = [
        ("DOCKER_REPO", "library/ubuntu"), ("DOCKER_TAG", "latest"), ("DOCKER_CMD", ""), ("DOCKER_HOST", ""),
    ]

    static func named(_ name: String) -> Profile? { all.first { $0.name == name } }

    var json: JSONValue {
        let list = constants.map { ["name": .string($0.name), "value": .string($0.value), "description": nil] as JSONValue }
        return ["name": .string(name), "constants": .array(list), "licenses": []]
    }
}
