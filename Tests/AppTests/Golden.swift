import Foundation
import Testing

/// Compares text with a stored file; `GATEHOUSE_UPDATE_GOLDEN=1` writes the file instead, and the diff is reviewed.
enum Golden {
    /// The root of the package.
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    static var isUpdating: Bool { ProcessInfo.processInfo.environment["GATEHOUSE_UPDATE_GOLDEN"] == "1" }

    /// - Parameter path: from the root of the package.
    static func expect(_ text: some StringProtocol, equals path: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let text = String(text)
        let file = root.appending(path: path)
        if isUpdating {
            try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
            return
        }
        let stored = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
        let difference = zip(lines(stored), lines(text)).enumerated().first { $0.element.0 != $0.element.1 }
        #expect(
            stored == text,
            "\(path) differs at line \((difference?.offset ?? min(lines(stored).count, lines(text).count)) + 1); GATEHOUSE_UPDATE_GOLDEN=1 writes it",
            sourceLocation: sourceLocation)
    }

    static func read(_ path: String) throws -> String { try String(contentsOf: root.appending(path: path), encoding: .utf8) }

    /// Paths from the root of the package.
    static func swiftFiles(under folder: String) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: root.appending(path: folder).path).filter { $0.hasSuffix(".swift") }.map
        {
            "\(folder)/\($0)"
        }
    }

    private static func lines(_ text: String) -> [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }
}
