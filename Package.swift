// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    // Measured: dynamic exclusivity checks on class storage cost about 9 % of CPU. Debug and test builds keep them.
    // Generic code of one target is specialized in the others; without it every small generic call goes through witness tables.
    .unsafeFlags(["-enforce-exclusivity=unchecked", "-cross-module-optimization"], .when(configuration: .release)),
]

func module(_ name: String, _ dependencies: [String] = [], resources: [Resource] = []) -> Target {
    .target(name: name, dependencies: dependencies.map { .init(stringLiteral: $0) }, resources: resources, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [String]) -> Target {
    .testTarget(
        name: name + "Tests", dependencies: ([name] + dependencies).map { .init(stringLiteral: $0) },
        swiftSettings: settings)
}

// Each row imports only rows above it; docs/architecture.md says what each is for.
let package = Package(
    name: "gatehouse",
    targets: [
        .systemLibrary(name: "COpenSSL"),
        .systemLibrary(name: "CSQLite"),
        .systemLibrary(name: "CNghttp2"),
        .systemLibrary(name: "CCurl"),
        .systemLibrary(name: "CYaml"),
        .systemLibrary(name: "CArgon2"),
        .systemLibrary(name: "CQREncode"),
        .systemLibrary(name: "CLinux"),
        module("Primitives"),
        module("Logging", ["Primitives"]),
        module("Crypto", ["Primitives", "COpenSSL", "CArgon2"]),
        module("Transport", ["Primitives", "COpenSSL", "CLinux"]),
        module("HTTP", ["Primitives", "CNghttp2"]),
        module("Server", ["HTTP", "Transport", "Logging", "Primitives"]),
        module("Client", ["HTTP", "Transport", "Primitives", "CCurl"]),
        module("MCP", ["HTTP", "Primitives"]),
        module("Qarnot", ["MCP", "Policy", "Client", "HTTP", "Crypto", "Primitives"]),
        module("QarnotSimulator", ["HTTP", "Crypto", "Primitives"]),
        module("OAuth", ["HTTP", "Crypto", "Primitives"]),
        module("Policy", ["Primitives"]),
        module("Audit", ["Crypto", "Primitives", "CLinux"]),
        module("Vault", ["Crypto", "Primitives"]),
        module("Proxy", ["MCP", "Client", "Transport", "HTTP", "Crypto", "Primitives"]),
        module("Storage", ["OAuth", "Vault", "Crypto", "Primitives", "CSQLite"]),
        module(
            "App",
            [
                "Audit", "Client", "Crypto", "HTTP", "Logging", "MCP", "OAuth", "Policy", "Primitives", "Proxy", "Qarnot",
                "QarnotSimulator", "Server", "Storage", "Transport", "Vault", "CLinux", "CQREncode", "CYaml",
            ], resources: [.embedInCode("Pages/Assets/style.css"), .embedInCode("Pages/Assets/passkey.js")]),
        module("Everything", ["MCP", "Server", "Transport", "HTTP", "Crypto", "Logging", "Primitives"]),
        .executableTarget(name: "mcp-everything", dependencies: ["Everything", "Primitives"], swiftSettings: settings),
        .executableTarget(name: "gatehouse", dependencies: ["App", "Primitives"], swiftSettings: settings),
        tests("Primitives", []),
        tests("Audit", ["Crypto", "Primitives"]),
        tests("Logging", ["Primitives"]),
        tests("Crypto", ["Primitives", "COpenSSL"]),
        tests("Transport", ["Primitives", "Logging"]),
        .target(
            name: "FuzzProperties", dependencies: ["HTTP", "OAuth", "Proxy", "Crypto", "Primitives"], path: "Tests/Fuzz/Properties",
            swiftSettings: settings),
        tests("HTTP", ["FuzzProperties", "Primitives"]),
        tests("Server", ["HTTP", "Transport", "Logging", "Primitives"]),
        tests("Vault", ["Crypto", "Primitives"]),
        tests("MCP", ["HTTP", "Primitives"]),
        tests("OAuth", ["HTTP", "Storage", "Crypto", "Primitives"]),
        tests("Policy", ["Primitives"]),
        tests("Storage", ["OAuth", "Vault", "Crypto", "Primitives"]),
        tests("Client", ["Server", "HTTP", "Transport", "Crypto", "Logging", "Primitives"]),
        tests("Qarnot", ["QarnotSimulator", "MCP", "Policy", "Client", "Server", "HTTP", "Transport", "Logging", "Primitives"]),
        tests("QarnotSimulator", ["HTTP", "Crypto", "Primitives"]),
        tests("Everything", ["MCP", "HTTP", "Crypto", "Primitives"]),
        tests("Proxy", ["MCP", "Client", "Server", "HTTP", "Transport", "Crypto", "Logging", "Primitives"]),
        tests(
            "App",
            [
                "Audit", "Client", "Crypto", "HTTP", "Logging", "MCP", "OAuth", "Policy", "Primitives", "Storage", "Transport",
                "Vault",
            ]),
    ])

// Built only when asked for, so that ordinary builds stay short.
if Context.environment["GATEHOUSE_BENCH"] != nil {
    package.targets.append(
        .executableTarget(
            name: "edge-server", dependencies: ["HTTP", "Logging", "Primitives", "Server", "Transport"],
            path: "Tests/Benchmarks/EdgeServer", swiftSettings: settings))
}

// Needs the fuzzing runtime of the compiler; scripts/fuzz sets this. Every module counts what it runs, or the fuzzer is blind.
if Context.environment["GATEHOUSE_FUZZ"] != nil {
    for target in package.targets where target.type == .regular {
        target.swiftSettings = settings + [.unsafeFlags(["-sanitize=fuzzer,address", "-parse-as-library"])]
    }
    package.targets.append(
        .executableTarget(
            name: "fuzz", dependencies: ["FuzzProperties"], path: "Tests/Fuzz/Driver",
            swiftSettings: settings + [.unsafeFlags(["-sanitize=fuzzer,address", "-parse-as-library"])],
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address", "-use-ld=lld"])]))
}
