"""The demo notebook: what a newcomer sees first. Each cell is (type, code, output name, code hidden)."""

TITLE = "How long people live"

CELLS = [
    (
        "markdown",
        """# How long people live

This notebook reads the **Gapminder** tables of the sample database: 142 countries, every fifth year from 1952 to 2007.

Change the *continent* or the *year* below and stop typing: every cell that depends on it runs again, and no other.""",
        "",
        True,
    ),
    ("python", 'continent = "Asia"  # or "Africa", "Americas", "Europe", "Oceania"', "", False),
    ("python", "year = 2007  # every fifth year: 1952, 1957, ... 2007", "", False),
    (
        "markdown",
        "## The countries in that year\n\nThe values in braces are *bound* as parameters, never pasted into the "
        "statement. The result is the DataFrame `countries`.",
        "",
        True,
    ),
    (
        "sql",
        """SELECT name, population, life_expectancy, gdp_per_capita
FROM observation
JOIN country ON country.name = observation.country
WHERE continent = {continent} AND year = {year}
ORDER BY life_expectancy DESC""",
        "countries",
        False,
    ),
    (
        "python",
        """import plotly.express as px

px.scatter(
    countries,
    x="gdp_per_capita",
    y="life_expectancy",
    size="population",
    hover_name="name",
    color="life_expectancy",
    color_continuous_scale="Viridis",
    log_x=True,
    size_max=55,
    title=f"Wealth and health in {continent}, {year}",
    labels={"gdp_per_capita": "GDP per person (US$, log scale)", "life_expectancy": "Life expectancy (years)"},
)""",
        "",
        False,
    ),
    (
        "python",
        """from IPython.display import Markdown

mean = (countries["life_expectancy"] * countries["population"]).sum() / countries["population"].sum()
longest, shortest = countries.iloc[0], countries.iloc[-1]

Markdown(
    f"In **{year}**, a person in **{continent}** could expect to live **{mean:.1f} years**: "
    f"{longest['life_expectancy']:.1f} in {longest['name']}, {shortest['life_expectancy']:.1f} in {shortest['name']}."
)""",
        "",
        True,
    ),
    (
        "markdown",
        "## Half a century\n\nThese two cells read `continent` alone: changing the year leaves them as they are.",
        "",
        True,
    ),
    (
        "sql",
        """SELECT year, life_expectancy, population
FROM observation
JOIN country ON country.name = observation.country
WHERE continent = {continent}
ORDER BY year""",
        "history",
        False,
    ),
    (
        "python",
        """import matplotlib.pyplot as plt

spread = history.groupby("year")["life_expectancy"].describe()

fig, ax = plt.subplots(figsize=(8, 3.6))
ax.fill_between(spread.index, spread["min"], spread["max"], alpha=0.15, label="all countries")
ax.fill_between(spread.index, spread["25%"], spread["75%"], alpha=0.35, label="the middle half")
ax.plot(spread.index, spread["50%"], marker="o", label="median")
ax.set_title(f"Life expectancy in {continent}")
ax.set_ylabel("years")
ax.legend(loc="lower right", frameon=False)
ax.spines[["top", "right"]].set_visible(False)
plt.show()""",
        "",
        False,
    ),
    (
        "python",
        """people = history.groupby("year")["population"].sum()
growth = people.pct_change().mul(100).round(1)

people.to_frame("people").assign(growth_in_percent=growth)""",
        "",
        False,
    ),
]
