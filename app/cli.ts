import { CodedError, codeOf, messageOf } from '../core/errors.ts';
import { exitCodes } from '../core/exitcodes.ts';
import { commands } from './commands/table.ts';
import { settingsHelp } from './config/describe.ts';
import { tellSupervisor } from './messages.ts';
import { version } from './version.ts';

/** Runs the command line and resolves to its exit code; null leaves the process running. */
async function main(args: readonly string[]): Promise<number | null> {
  const [name = '--help', ...rest] = args;
  if (name === '--help' || name === '-h' || name === 'help') {
    console.log(help());
    return exitCodes.ok.code;
  }
  if (name === '--version' || name === 'version') {
    console.log(version);
    return exitCodes.ok.code;
  }
  const command = commands[name];
  if (command === undefined) {
    console.error(`evenkeel: "${name}" is not a command.\n\n${help()}`);
    return exitCodes.usage.code;
  }
  if (command.usage !== undefined && rest.some((one) => one === '--help' || one === '-h')) {
    console.log(helpOf(name, command.says, command.usage));
    return exitCodes.ok.code;
  }
  return command.run(rest);
}

function helpOf(name: string, says: string, usage: string): string {
  return `evenkeel ${name}: ${says}

Usage: evenkeel ${name} ${usage}

Settings: evenkeel --help.`;
}

function help(): string {
  const lines = Object.entries(commands).map(([name, command]) => `  ${name.padEnd(10)} ${command.says}`);
  return `Evenkeel ${version}: a real-time advertising bidder

Usage: evenkeel COMMAND [--flag=value …]

${lines.join('\n')}

Settings (also from the environment or a file, see docs/configuration.md):

${settingsHelp()}`;
}

/** One line a person can act on; the stack only for what we did not expect. */
function reportFailure(error: unknown): number {
  if (!(error instanceof CodedError)) {
    console.error(error);
    tellSupervisor({ kind: 'failed', code: codeOf(error), line: messageOf(error) });
    return exitCodes.failed.code;
  }
  console.error(`evenkeel: ${error.line}`);
  tellSupervisor({ kind: 'failed', code: error.code, line: error.line });
  if (error.code === 'config.invalid') return exitCodes.badConfig.code;
  return error.code === 'arguments.invalid' ? exitCodes.usage.code : exitCodes.failed.code;
}

main(process.argv.slice(2)).then(
  (code) => {
    if (code !== null) process.exit(code);
  },
  (error: unknown) => process.exit(reportFailure(error)),
);
