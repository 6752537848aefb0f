"""What the scripted planner says: turns by phase and attempt, each a list of tool calls."""

from typing import Any, Final

Turn = list[tuple[str, Any]]

FEATURE: Final = (
    "Let me set a monthly budget for a category, and warn me when I go over it.\n\n"
    "When I add an expense that takes a category over its budget for that month, tell me by how "
    "much. The monthly report should show the budget next to what was spent."
)
CHECK_COMMAND: Final = "python3 -m unittest discover -s tests -t ."

_EXPLORATION: Final[dict[str, Any]] = {
    "codebase_summary": (
        "A command-line expense ledger in plain Python. Entries are frozen dataclasses kept in a "
        "JSON Lines file; reports sum them by category; only the cli module prints."
    ),
    "project_type": "command-line application",
    "tech_stack": ["Python, standard library only", "unittest"],
    "structure": [
        {"path": "ledger", "purpose": "the application"},
        {"path": "tests", "purpose": "one test module for each module"},
    ],
    "key_files": [
        {"path": "ledger/cli.py", "purpose": "commands and printing"},
        {"path": "ledger/reports.py", "purpose": "sums by category"},
        {"path": "ledger/storage.py", "purpose": "the JSON Lines file"},
        {"path": "ledger/money.py", "purpose": "money as whole cents"},
    ],
    "conventions": {
        "naming": "modules are nouns, functions are verbs",
        "testing": "tests/test_<module>.py with unittest, names state the fact",
        "patterns": ["money is whole cents", "errors come from ledger/errors.py"],
    },
    "entry_points": ["python3 -m ledger"],
    "setup_command": "",
    "check_command": CHECK_COMMAND,
    "related_files": [
        {"path": "CONTRIBUTING.md", "relevance": "conventions that the change must follow"},
        {"path": "tests/test_cli.py", "relevance": "how commands are tested"},
    ],
    "questions": [
        {
            "category": "scope",
            "question": "Do budgets carry over to the next month?",
            "assumed_answer": "No, a budget holds for each month anew.",
        },
        {
            "category": "users_journeys",
            "question": "Is an expense over budget still recorded?",
            "assumed_answer": "Yes, the warning does not refuse it.",
        },
        {
            "category": "technical",
            "question": "Where are budgets kept?",
            "assumed_answer": "In a JSON file next to the ledger file.",
        },
        {
            "category": "problem_value",
            "question": "Is the warning meant at the moment of spending?",
            "assumed_answer": "Yes, and the monthly report repeats it.",
        },
        {
            "category": "risks",
            "question": "What if the budget file is damaged?",
            "assumed_answer": "The command ends with an error that names the file.",
        },
    ],
    "feature": {
        "name": "monthly-budgets",
        "one_liner": "Monthly budgets by category, with a warning when one is exceeded",
        "problem": "A person notices only at the end of a month that a category cost too much.",
        "in_scope": ["set a budget", "warn when adding", "show budgets in the report"],
        "out_of_scope": ["carrying budgets over", "budgets for the total"],
        "constraints": ["standard library only", "money stays whole cents"],
        "risks": [
            {"risk": "a warning is mistaken for a failure", "mitigation": "the exit code stays 0"}
        ],
        "success_metrics": [{"metric": "expenses over budget that are told", "target": "all"}],
        "size": "small",
    },
}


def _requirement(
    number: int, title: str, pattern: str, text: str, *criteria: str
) -> dict[str, Any]:
    return {
        "id": f"REQ-{number:03d}",
        "title": title,
        "kind": "functional",
        "priority": "must",
        "pattern": pattern,
        "text": text,
        "rationale": "Asked for in the request.",
        "acceptance_criteria": [
            {"id": f"AC-{number:03d}.{n}", "text": criterion, "verified_by": "test"}
            for n, criterion in enumerate(criteria, start=1)
        ],
        "depends_on": [],
    }


_REQUIREMENTS: Final[dict[str, Any]] = {
    "requirements": [
        _requirement(
            1,
            "Set a budget",
            "event",
            "When a person sets a budget for a category, the ledger shall keep it for every month.",
            "A budget that was set is read back from the file.",
            "Setting it again replaces the first amount.",
        ),
        _requirement(
            2,
            "Warn when exceeded",
            "event",
            "When an expense takes its category over the budget of that month, the ledger shall "
            "print by how much the budget is exceeded.",
            "Spending 20.00 of a budget of 15.00 prints 'over budget by 5.00'.",
            "Spending exactly the budget prints no warning.",
        ),
        _requirement(
            3,
            "Report budgets",
            "state",
            "While a category has a budget, the ledger shall show the budget beside the spent "
            "amount in the monthly report.",
            "The line of a category with a budget ends with 'of' and the budget.",
            "The line of a category without one is unchanged.",
        ),
        _requirement(
            4,
            "Broken budget file",
            "unwanted",
            "If the budget file does not hold budgets, then the ledger shall end with an error "
            "that names the file.",
            "A file that is not JSON raises BrokenFile.",
            "A negative amount raises BrokenFile.",
        ),
    ],
    "assumptions": ["A budget holds for each month anew."],
    "out_of_scope": ["Budgets for the total of a month."],
    "open_questions": [],
}

_WEAK_REQUIREMENTS: Final[dict[str, Any]] = {
    "requirements": [
        {
            **_REQUIREMENTS["requirements"][0],
            "text": "The ledger should handle budgets in a user-friendly way.",
            "acceptance_criteria": [
                {"id": "AC-001.1", "text": "It is easy to use.", "verified_by": "inspection"}
            ],
        },
        *_REQUIREMENTS["requirements"][1:],
    ],
    "assumptions": [],
    "out_of_scope": [],
    "open_questions": [],
}


def _component(
    number: int, name: str, responsibility: str, path: str, requirements: list[str], call: str
) -> dict[str, Any]:
    return {
        "id": f"CMP-{number:02d}",
        "name": name,
        "responsibility": responsibility,
        "file_paths": [path],
        "interfaces": [
            {
                "name": call,
                "inputs": "cents and names",
                "outputs": "plain values",
                "errors": "LedgerError",
            }
        ],
        "requirement_ids": requirements,
    }


_DESIGN: Final[dict[str, Any]] = {
    "overview": (
        "Budgets are a mapping from category to cents. A pure module decides whether a month's "
        "spending exceeds a budget; a storage module keeps the mapping in a JSON file beside the "
        "ledger; the command line sets budgets and prints warnings; the report shows them."
    ),
    "diagram": "graph LR\n  cli --> budgets\n  cli --> budget_files\n  reports --> budgets",
    "components": [
        _component(1, "Budget rules", "Decides what is over budget", "ledger/budgets.py", ["REQ-002"], "excess"),
        _component(2, "Budget file", "Keeps budgets", "ledger/budget_files.py", ["REQ-001", "REQ-004"], "read_budgets"),
        _component(3, "Command line", "Sets budgets and warns", "ledger/cli.py", ["REQ-001", "REQ-002"], "run_budget"),
        _component(4, "Report", "Shows budgets", "ledger/reports.py", ["REQ-003"], "monthly_report"),
    ],
    "data_models": [
        {"name": "Budgets", "fields": [{"name": "category", "type": "int", "description": "cents"}]}
    ],
    "api_endpoints": [],
    "error_handling": [{"condition": "broken budget file", "behaviour": "BrokenFile names it"}],
    "testing": {
        "unit": ["budget rules", "budget file", "report lines"],
        "integration": ["the commands through main()"],
    },
    "security": ["The budget file is data: it is parsed as JSON and checked."],
    "alternatives": [
        {"option": "budgets inside the ledger file", "why_not": "entries stay append-only"}
    ],
    "migration": "None: without a budget file nothing changes.",
}  # fmt: skip


def _task(number: int, ticket: int, title: str, description: str, **more: Any) -> dict[str, Any]:
    return {
        "id": f"TSK-{number:03d}",
        "ticket_id": f"TKT-{ticket:03d}",
        "title": title,
        "description": description,
        "kind": "implementation",
        "priority": "high",
        "estimate_minutes": 30,
        **more,
    }


_PLAN: Final[dict[str, Any]] = {
    "tickets": [
        {
            "id": "TKT-001",
            "title": "Budgets",
            "description": "Rules and storage of budgets.",
            "priority": "high",
            "requirement_ids": ["REQ-001", "REQ-002", "REQ-004"],
            "acceptance_criteria": ["Budgets can be set, kept and compared."],
        },
        {
            "id": "TKT-002",
            "title": "What a person sees",
            "description": "Command, warning, report and documentation.",
            "priority": "medium",
            "requirement_ids": ["REQ-001", "REQ-002", "REQ-003"],
            "acceptance_criteria": ["A person sets a budget and is warned."],
        },
    ],
    "tasks": [
        _task(
            1, 1, "Decide what is over budget",
            "Add a pure function that tells by how many cents a month's spending exceeds a budget.",
            files_to_create=["ledger/budgets.py", "tests/test_budgets.py"],
            requirement_ids=["REQ-002"],
            acceptance_criteria_ids=["AC-002.1", "AC-002.2"],
            component_ids=["CMP-01"],
        ),
        _task(
            2, 1, "Keep budgets in a file",
            "Add a module that reads and writes budgets as JSON and refuses a file that holds none.",
            files_to_create=["ledger/budget_files.py", "tests/test_budget_files.py"],
            requirement_ids=["REQ-001", "REQ-004"],
            acceptance_criteria_ids=["AC-001.1", "AC-001.2", "AC-004.1", "AC-004.2"],
            component_ids=["CMP-02"],
        ),
        _task(
            3, 2, "Set budgets and warn on the command line",
            "Add the command 'budget' and print a warning when an added expense exceeds the budget.",
            files_to_modify=["ledger/cli.py", "tests/test_cli.py"],
            requirement_ids=["REQ-001", "REQ-002"],
            acceptance_criteria_ids=["AC-001.1", "AC-002.1", "AC-002.2"],
            component_ids=["CMP-03"],
            depends_on=["TSK-001", "TSK-002"],
        ),
        _task(
            4, 2, "Show budgets in the report",
            "Let the monthly report show the budget beside the spent amount of a category that has one.",
            files_to_modify=["ledger/reports.py", "tests/test_reports.py"],
            requirement_ids=["REQ-003"],
            acceptance_criteria_ids=["AC-003.1", "AC-003.2"],
            component_ids=["CMP-04"],
            depends_on=["TSK-001"],
            priority="medium",
        ),
        _task(
            5, 2, "Connect the report and document budgets",
            "Hand the budgets to the report on the command line and describe the feature in the README.",
            kind="documentation",
            files_to_modify=["README.md", "ledger/cli.py", "tests/test_cli.py"],
            requirement_ids=["REQ-003"],
            acceptance_criteria_ids=["AC-003.1"],
            component_ids=["CMP-03", "CMP-04"],
            depends_on=["TSK-003", "TSK-004"],
            priority="low",
        ),
    ],
}  # fmt: skip

PHASE_TURNS: Final[dict[str, list[list[Turn]]]] = {
    "explore": [
        [
            [("text", "I list the files first."), ("list_files", {"folder": ""})],
            [
                ("read_file", {"path": "CONTRIBUTING.md"}),
                ("read_file", {"path": "ledger/cli.py"}),
                ("search", {"text": "cents"}),
            ],
            [("submit", _EXPLORATION)],
        ]
    ],
    "requirements": [[[("submit", _WEAK_REQUIREMENTS)]], [[("submit", _REQUIREMENTS)]]],
    "design": [[[("read_file", {"path": "ledger/reports.py"})], [("submit", _DESIGN)]]],
    "tasks": [[[("submit", _PLAN)]]],
}
