import MCP
import Primitives
import Qarnot
import Testing

/// The unified list of qarnot-api.md §9: names, aliases, annotations and classes.
@Suite struct SurfaceTests {
    private enum Hints { case reading, creating, changing, ending }

    private static let list: [(String, Permission, Hints)] = [
        ("submit_task", .execute, .creating), ("submit_job", .execute, .creating), ("submit_tasks", .execute, .creating),
        ("list_tasks", .read, .reading), ("list_jobs", .read, .reading), ("get_task", .read, .reading),
        ("get_job_status", .read, .reading), ("wait_for_task", .read, .reading), ("get_task_logs", .read, .reading),
        ("get_task_results", .read, .reading), ("abort_task", .execute, .ending), ("cancel_job", .execute, .ending),
        ("delete_task", .execute, .ending), ("update_task", .execute, .changing), ("sync_task_resources", .execute, .changing),
        ("snapshot_task", .execute, .creating), ("set_periodic_snapshot", .execute, .changing), ("get_snapshot", .read, .reading),
        ("retry_task", .execute, .creating), ("resume_task", .execute, .creating), ("recover_task", .execute, .creating),
        ("clone_task", .execute, .creating), ("list_profiles", .read, .reading), ("get_profile", .read, .reading),
        ("list_pools", .read, .reading), ("get_pool", .read, .reading), ("get_pool_logs", .read, .reading),
        ("create_pool", .execute, .creating), ("update_pool", .execute, .changing), ("close_pool", .execute, .ending),
        ("delete_pool", .execute, .ending), ("list_job_groups", .read, .reading), ("get_job_group", .read, .reading),
        ("create_job_group", .execute, .creating), ("terminate_job_group", .execute, .ending),
        ("delete_job_group", .execute, .ending), ("list_buckets", .read, .reading), ("list_bucket_files", .read, .reading),
        ("read_bucket_file", .read, .reading), ("create_bucket", .execute, .changing), ("write_bucket_file", .execute, .ending),
        ("delete_bucket_file", .execute, .ending), ("delete_bucket", .admin, .ending), ("get_account", .read, .reading),
        ("get_task_cost", .read, .reading), ("get_carbon_facts", .read, .reading), ("list_budgets", .read, .reading),
        ("list_hardware", .read, .reading), ("search_cpu_models", .read, .reading), ("list_secrets", .admin, .reading),
        ("set_secret", .admin, .ending), ("delete_secret", .admin, .ending),
    ]

    @Test func `every tool of the list is there, once, and no other`() throws {
        let names = try EngineFixture().tools.map(\.name)
        #expect(names.count == Set(names).count && Set(names) == Set(Self.list.map(\.0)))
    }

    @Test func `permissions and annotations are those of the list`() throws {
        let tools = try EngineFixture().tools
        for (name, permission, hints) in Self.list {
            let tool = try #require(tools.first { $0.name == name })
            let expected =
                switch hints {
                case .reading: ToolAnnotations(readOnly: true, idempotent: true)
                case .creating: ToolAnnotations()
                case .changing: ToolAnnotations(idempotent: true)
                case .ending: ToolAnnotations(destructive: true, idempotent: true)
                }
            #expect(tool.permission == permission, "\(name)")
            #expect(tool.annotations == expected, "\(name)")
        }
    }

    @Test func `older names reach the same tools`() throws {
        let tools = try EngineFixture().tools
        #expect(tools.first { $0.name == "get_task_logs" }?.aliases == ["get_logs"])
        #expect(tools.first { $0.name == "get_task_results" }?.aliases == ["retrieve_job_results"])
    }

    @Test func `every tool describes its arguments and its result`() throws {
        for tool in try EngineFixture().tools {
            #expect(tool.inputSchema["type"] == "object" && tool.inputSchema["additionalProperties"] == false, "\(tool.name)")
            #expect(tool.outputSchema?["type"] == "object" && !tool.description.isEmpty, "\(tool.name)")
            for member in tool.inputSchema["properties"]?.object?.members ?? [] {
                let isDescribed =
                    member.value["description"] != nil || member.value["anyOf"] != nil || member.value["properties"] != nil
                #expect(isDescribed, "\(tool.name).\(member.key)")
            }
        }
    }
}
